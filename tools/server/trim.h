/* Gives back memory that the allocator keeps and the program does not need. */
#ifndef TOOLS_SERVER_TRIM_H
#define TOOLS_SERVER_TRIM_H

/** Gives it back to the kernel. Takes the allocator's locks for some milliseconds. @thread any */
void trim(void);

#endif
