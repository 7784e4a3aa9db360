# cmake -DINPUTS=file,file -DOUTPUT=file.c -DSYMBOL=name -P embed.cmake: text files, one behind the other, as a
# NUL-terminated C array.
string(REPLACE "," ";" inputs "${INPUTS}")
set(hex "")
foreach(input ${inputs})
  file(READ ${input} part HEX)
  string(APPEND hex ${part})
endforeach()
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
string(REGEX REPLACE "(0x[0-9a-f][0-9a-f],0x[0-9a-f][0-9a-f],0x[0-9a-f][0-9a-f],0x[0-9a-f][0-9a-f],0x[0-9a-f][0-9a-f],0x[0-9a-f][0-9a-f],0x[0-9a-f][0-9a-f],0x[0-9a-f][0-9a-f],)" "\\1\n" bytes "${bytes}")
file(WRITE ${OUTPUT} "extern const char ${SYMBOL}[];\nconst char ${SYMBOL}[] = {\n${bytes}0};\n")
