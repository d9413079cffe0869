/* mixminusctl user: accounts in the store that mixminusd would use. */
#ifndef TOOLS_CTL_ACCOUNTS_H
#define TOOLS_CTL_ACCOUNTS_H

/** @param argv  argv[0] is "user"; then add, set, drop or list, a name, its flags, and flags of mixminusd
 * @return exit code: 0 done | 1 it could not be done, said why | 2 wrong words */
int accounts_run(int argc, char **argv);

#endif
