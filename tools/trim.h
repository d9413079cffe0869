/* Memory that the allocator keeps and nobody needs. */
#ifndef TOOLS_TRIM_H
#define TOOLS_TRIM_H

/** Gives it back to the kernel. Takes the allocator's locks for some milliseconds. @thread any */
void trim(void);

#endif
