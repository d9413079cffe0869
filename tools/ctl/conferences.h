/* "mixminusctl conf": the conferences that are promised or live, and the policies that an operator sets for them. */
#ifndef TOOLS_CTL_CONFERENCES_H
#define TOOLS_CTL_CONFERENCES_H

/** @param argv  "conf", the verb, its words and flags of mixminusd  @return exit code */
int conferences_run(int argc, char **argv);

#endif
