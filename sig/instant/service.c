/* jansson's wrapper for profiles of services. See service.h. */
#include "sig/instant/service.h"

#include <errno.h>
#include <string.h>

#include <jansson.h>

/* A group's name, a user, a SIP URI: no character of it needs an escape anywhere. */
static int target_read(char target[SERVICE_TARGET_MAX], const json_t *value)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~:@;=+[]%";
    const char *text = json_string_value(value);
    size_t n = text ? strlen(text) : 0;
    if (n == 0 || n >= SERVICE_TARGET_MAX || strspn(text, plain) != n) {
        return -EINVAL;
    }
    strcpy(target, text);
    return 0;
}

static int priority_read(uint8_t *to, const json_t *value)
{
    json_int_t priority = json_integer_value(value);
    if (!json_is_integer(value) || priority < 1 || priority > 255) {
        return -EINVAL;
    }
    *to = (uint8_t)priority;
    return 0;
}

static int bool_read(bool *to, const json_t *value)
{
    *to = json_is_true(value);
    return json_is_boolean(value) ? 0 : -EINVAL;
}

static int member_read(struct service_profile *p, const char *name, const json_t *value, const char **why)
{
    if (strcmp(name, "target") == 0) {
        *why = "target is a group's name or a user";
        return target_read(p->target, value);
    }
    if (strcmp(name, "priority") == 0) {
        *why = "priority is a number from 1 to 255";
        return priority_read(&p->priority, value);
    }
    *why = "request, preempt and emergency are true or false";
    if (strcmp(name, "request") == 0) {
        return bool_read(&p->may_request, value);
    }
    if (strcmp(name, "preempt") == 0) {
        return bool_read(&p->may_preempt, value);
    }
    if (strcmp(name, "emergency") == 0) {
        return bool_read(&p->may_emergency, value);
    }
    *why = "a service has target, priority, request, preempt and emergency, nothing else";
    return -EINVAL;
}

int service_profile_read(struct service_profile *p, const char *text, size_t n, const char **why)
{
    json_error_t error;
    json_t *root = json_loadb(text, n, JSON_REJECT_DUPLICATES, &error), *value;
    const char *name;
    int err = 0;
    *p = (struct service_profile){.priority = 1, .may_request = true};
    *why = "the body is no JSON object";
    if (!json_is_object(root)) {
        json_decref(root);
        return -EINVAL;
    }
    json_object_foreach(root, name, value)
    {
        err = member_read(p, name, value, why);
        if (err) {
            break;
        }
    }
    json_decref(root);
    if (!err && p->target[0] == '\0') {
        *why = "a service has a target: a group's name or a user";
        err = -EINVAL;
    }
    return err;
}

/* One target: several would need several channels. */
static int to_read(char to[SERVICE_TARGET_MAX], const json_t *value)
{
    if (json_is_array(value) && json_array_size(value) == 1) {
        value = json_array_get(value, 0);
    }
    return target_read(to, value);
}

static int from_read(char from[SERVICE_TARGET_MAX], const json_t *value)
{
    char target[SERVICE_TARGET_MAX];
    if (target_read(target, value) != 0) {
        return -EINVAL;
    }
    const char *colon = strchr(target, ':'), *user = colon ? colon + 1 : target;
    size_t n = strcspn(user, "@;");
    memcpy(from, user, n);
    from[n] = '\0';
    return n ? 0 : -EINVAL;
}

static int wish_member_read(struct activation_wish *wish, const char *name, const json_t *value, const char **why)
{
    if (strcmp(name, "from") == 0) {
        *why = "from is a user that has a session";
        return from_read(wish->from, value);
    }
    if (strcmp(name, "to") == 0) {
        *why = "to is one group or user, which the service of the session reaches";
        return to_read(wish->to, value);
    }
    if (strcmp(name, "priority") == 0) {
        *why = "priority is a number from 1 to 255";
        wish->has_priority = true;
        return priority_read(&wish->priority, value);
    }
    if (strcmp(name, "emergency") == 0) {
        *why = "emergency is true or false";
        return bool_read(&wish->is_emergency, value);
    }
    if (strcmp(name, "mode") == 0) {
        *why = "mode is half: full duplex is an ordinary conference";
        const char *mode = json_string_value(value);
        return mode && strcmp(mode, "half") == 0 ? 0 : -EINVAL;
    }
    *why = "an activation has from, to, mode, priority and emergency, nothing else";
    return -EINVAL;
}

int activation_wish_read(struct activation_wish *wish, const char *text, size_t n, const char **why)
{
    json_error_t error;
    json_t *root = json_loadb(text, n, JSON_REJECT_DUPLICATES, &error), *value;
    const char *name;
    int err = 0;
    *wish = (struct activation_wish){.from = ""};
    *why = "the body is no JSON object";
    if (!json_is_object(root)) {
        json_decref(root);
        return -EINVAL;
    }
    json_object_foreach(root, name, value)
    {
        err = wish_member_read(wish, name, value, why);
        if (err) {
            break;
        }
    }
    json_decref(root);
    if (!err && wish->from[0] == '\0') {
        *why = "an activation has from: a user that has a session";
        err = -EINVAL;
    }
    return err;
}
