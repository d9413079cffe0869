/* Reads the folder of announcements into memory at the start: afterwards no call waits for a disk. */
#ifndef TOOLS_SERVER_PROMPTS_READ_H
#define TOOLS_SERVER_PROMPTS_READ_H

#include "sig/base/log.h"
#include "sig/ivr/prompts.h"

/**
 * Reads what is called *.wav there. What cannot be read is told of and left out; of what the server says itself and has
 * no recording of, there are beeps.
 *
 * @param directory  "": the one that the build makes, share/mixminus/prompts beside the folder of the program
 * @return 0 | -ENOMEM | as opendir, if directory was given
 */
int prompts_read(struct prompts **prompts, const char *directory, const struct log *log);

#endif
