/*
 * deploy/redis.acl as an operator fills it in: with a password for its users. The default user, which it
 * turns off, stays on without one: the test itself. Beside them stand the users that Redis' documentation
 * gives replicas and sentinels.
 */
#ifndef PHASEGATE_TESTS_SUPPORT_ACL_FILE_H
#define PHASEGATE_TESTS_SUPPORT_ACL_FILE_H

#define ACL_FULL "phasegate"
#define ACL_READ_ONLY "phasegate-readonly"
#define ACL_REPLICA "replica"
#define ACL_SENTINEL "sentinel"
#define ACL_PASSWORD "correct horse"

/* From the shipped file, SOURCE_DIR "/deploy/redis.acl", to path; fails the test when it has a user without a
 * password. */
void acl_file_write(const char *shipped, const char *path);

#endif
