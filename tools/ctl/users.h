/* Words of mixminusctl about users: groups, buddies, rules, presence, push-to-talk. See mixminusctl help. */
#ifndef TOOLS_CTL_USERS_H
#define TOOLS_CTL_USERS_H

/**
 * argv[0]: "group", "buddies", "rules", "presence", "service", "session" or "channel".
 * @return exit status: 0 | 1 refused | 2 wrong words | 3 no server
 */
int users_run(int argc, char **argv);

#endif
