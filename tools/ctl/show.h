/* mixminusctl show: what a running server says, by its control socket; and token: who may read it over HTTP. */
#ifndef TOOLS_CTL_SHOW_H
#define TOOLS_CTL_SHOW_H

/** @param argv  argv[0] is "show"; then a page, and flags of mixminusd
 * @return exit code: 0 well | 1 the page says no | 2 wrong words | 3 no server there */
int show_run(int argc, char **argv);

/** @param argv  argv[0] is "token"; then add, a file, its flags
 * @return exit code: 0 done | 1 it could not be done, said why | 2 wrong words */
int token_run(int argc, char **argv);

#endif
