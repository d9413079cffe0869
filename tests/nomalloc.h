/* The malloc guard: between begin and end a heap call of this thread, libraries included, prints where it came from and
 * aborts. Not under sanitizers, which own the allocator. */
#ifndef TESTS_NOMALLOC_H
#define TESTS_NOMALLOC_H

void nomalloc_begin(void);
void nomalloc_end(void);

#endif
