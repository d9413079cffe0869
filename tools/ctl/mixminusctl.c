/*
 * mixminusctl: for operators. user keeps accounts, conf the policies of conferences; group, buddies, rules and presence
 * ask a running server. doctor looks at the machine, at
 * the configuration that mixminusd would read, and measures whether pinned threads serve better here. Exit: 0 well, 1
 * something to look at, 2 wrong words.
 */
#include "core/media/seal.h"
#include "tools/config/config.h"
#include "tools/config/placement.h"
#include "tools/ctl/accounts.h"
#include "tools/ctl/conferences.h"
#include "tools/ctl/doctor.h"
#include "tools/ctl/show.h"
#include "tools/ctl/store_cli.h"
#include "tools/ctl/users.h"
#include "tools/lib/man.h"
#include "tools/lib/wrap.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct {
    const char *synopsis, *help;
} words[] = {
    {"user add NAME [--pin] [--entitled=yes|no] [--blocked=yes|no] [FLAG ...]",
     "makes an account of --auth=digest, in the store that mixminusd would use with these flags; the password, then "
     "the PIN, are read from standard input, a line each. A new account is entitled to conferences"},
    {"user set NAME [--password] [--pin|--no-pin] [--entitled=yes|no] [--blocked=yes|no] [FLAG ...]",
     "changes an account; the next call of that user sees it"},
    {"user drop NAME [FLAG ...]", "removes an account"},
    {"user list [FLAG ...]", "lists the accounts"},
    {"conf set CONFERENCE [--pin|--no-pin] [--legs=N] [--locked=yes|no] [FLAG ...]",
     "sets the policy of a conference: a PIN, read from standard input; a limit of participants, 0: the server's; a "
     "lock, which lets nobody else in. CONFERENCE is its URI, its label (the first eight characters, as log and API "
     "show it) or its name; conf=NAME names one that need not live yet. A running server follows within two seconds; "
     "participants stay"},
    {"conf drop CONFERENCE [FLAG ...]", "removes the policy, not the conference"},
    {"conf list [FLAG ...]", "lists issued and active conferences of that store, their creators and policies"},
    {"group set NAME URI ... [FLAG ...]",
     "makes a group of a running server, or sets its members: a list that they watch by one subscription. group show "
     "NAME, group drop NAME, group list"},
    {"buddies set USER URI ... [FLAG ...]",
     "sets the list that USER watches as sip:buddies@DOMAIN. buddies show USER, buddies drop USER"},
    {"rules set USER WHO=ACTION ... [FLAG ...]",
     "sets to whom the presence of USER is shown: WHO is a SIP URI or a domain, the first that fits counts; ACTION is "
     "allow, polite (looks offline), confirm (waits) or block; others get --presence-default. rules show USER, rules "
     "drop USER"},
    {"presence list [FLAG ...]", "prints the users of a running server with their status, as JSON"},
    {"service set USER IDENTIFICATION TARGET [NAME=VALUE ...]",
     "gives USER the service of push-to-talk under that subscriber identification; TARGET is the group or user that a "
     "push reaches; priority=1..255, request=no, preempt=yes, emergency=yes. service drop USER IDENTIFICATION takes it "
     "away"},
    {"session list [FLAG ...]", "prints the sessions of push-to-talk that stand, as JSON"},
    {"channel list [FLAG ...]", "prints the channels of push-to-talk and who has the floor, as JSON"},
    {"show conferences|metrics|live|ready [FLAG ...]",
     "prints what a running server says, by its control socket; FLAG says which: --store or --control-socket. Exit 3: "
     "no server is there"},
    {"token add FILE [--scope=metrics|read|operate|admin|node] [--days=N]",
     "draws a bearer token for --http-listen, appends its digest to FILE (mixminusd's --http-tokens) and prints it, "
     "once. The scope is read unless another is given"},
    {"doctor [--quick] [FLAG ...]",
     "checks this machine and the configuration that mixminusd would read with these flags; prints the placement that "
     "--worker-cpus=auto would choose; then measures it for a minute against threads that are not pinned, and advises. "
     "--quick: measures nothing"},
    {"help", "prints this; help-man prints the manual page"},
};

static const char brief[] = "keeps accounts and policies of conferences, checks the machine";
static const char flag_words[] = "FLAG is a flag of mixminusd, such as --store=sqlite:PATH or --config=FILE.";

static void help(FILE *out)
{
    fprintf(out, "mixminusctl: %s\n\nUsage:\n", brief);
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        fprintf(out, "  mixminusctl %s\n", words[i].synopsis);
        wrap(out, "      ", words[i].help, 110);
    }
    fprintf(out, "\n%s\n", flag_words);
}

static void help_man(void)
{
    man_begin(stdout, "mixminusctl", 1, brief, "COMMAND [FLAG ...]");
    man_text(stdout, flag_words);
    man_section(stdout, "COMMANDS");
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        man_entry(stdout, words[i].synopsis, words[i].help);
    }
    man_section(stdout, "EXIT STATUS");
    man_text(stdout, "0: done, or nothing to look at; 1: failed, or something to look at; 2: wrong words or flags.");
    man_section(stdout, "EXAMPLES");
    man_text(stdout, "printf \"secret\\n\" | mixminusctl user add alice --auth-realm=ims.example\n"
                     "mixminusctl conf set conf=sales --locked=yes\n"
                     "mixminusctl doctor --quick --config=/etc/mixminus/mixminus.ini");
    man_end(stdout, "mixminusd(8), mixminus-bench(1)");
}

/* mixminus-bench lies beside this program, or in the path. Its words go where ours go. @return its exit status */
static int measure(void)
{
    char path[512];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 32);
    path[MAX(n, 0)] = '\0';
    char *slash = strrchr(path, '/');
    strcpy(slash ? slash + 1 : path, "mixminus-bench");
    const char *program = access(path, X_OK) == 0 ? path : "mixminus-bench";
    printf("measuring pinned against unpinned, 500 calls each ...\n");
    fflush(stdout);
    pid_t pid = fork();
    int status = 0;
    if (pid == 0) {
        execlp(program, program, "placement", "--words", (char *)NULL);
        fprintf(stderr, "mixminusctl: mixminus-bench is not there; install it, or give --quick\n");
        _exit(1);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int doctor(int argc, char **argv)
{
    static struct config config;
    static struct placement placement;
    static struct placement_host host;
    bool is_quick = false;
    int n = 1;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0) {
            is_quick = true;
        } else {
            argv[n++] = argv[i];
        }
    }
    argv[n] = NULL;
    if (store_cli_config(&config, n, argv, "doctor") != 0) {
        return 2;
    }
    unsigned n_look = doctor_check(stdout, &config);
    int err = placement_here(&placement, &host, &config.sig.place.host, config.n_workers, config.numa);
    if (err) {
        printf("look  placement: %s\n", placement_why(err));
        return 1;
    }
    placement_print(stdout, &placement, &host);
    bool can_pin = placement.workers[0] >= 0;
    int status = is_quick || !can_pin ? 0 : measure();
    return status != 0 || n_look > 0;
}

int main(int argc, char **argv)
{
    must(seal_start() == 0);
    if (argc >= 2 && strcmp(argv[1], "doctor") == 0) {
        return doctor(argc - 1, argv + 1);
    }
    if (argc >= 2 && strcmp(argv[1], "user") == 0) {
        return accounts_run(argc - 1, argv + 1);
    }
    if (argc >= 2 && strcmp(argv[1], "conf") == 0) {
        return conferences_run(argc - 1, argv + 1);
    }
    static const char *const users_words[] = {"group", "buddies", "rules", "presence",
                                              "service", "session", "channel"};
    for (size_t i = 0; i < ARRAY_LEN(users_words) && argc >= 2; i++) {
        if (strcmp(argv[1], users_words[i]) == 0) {
            return users_run(argc - 1, argv + 1);
        }
    }
    if (argc >= 2 && strcmp(argv[1], "show") == 0) {
        return show_run(argc - 1, argv + 1);
    }
    if (argc >= 2 && strcmp(argv[1], "token") == 0) {
        return token_run(argc - 1, argv + 1);
    }
    if (argc == 2 && (strcmp(argv[1], "help-man") == 0 || strcmp(argv[1], "--help-man") == 0)) {
        help_man();
        return 0;
    }
    bool is_asked =
        argc == 2 && (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("mixminusctl %s\n", MIXMINUS_VERSION);
        return 0;
    }
    help(is_asked ? stdout : stderr);
    return is_asked ? 0 : 2;
}
