/*
 * A command as it goes over the wire: "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n". hiredis can write that, too, but at
 * four times the cost, since it reads a format for each argument and grows its buffer; a completion's call
 * has some 30 of them.
 */
#ifndef PHASEGATE_REDIS_COMMAND_H
#define PHASEGATE_REDIS_COMMAND_H

#include <stddef.h>

/*
 * The command with these arguments; without lengths they end with NUL. The caller frees it with free. NULL
 * when out of memory.
 */
char *redis_command(int argc, const char *const *argv, const size_t *lengths, size_t *size);

#endif
