/*
 * Which encoder serves which leg. A conference's encoders are its own: every leg brings one and leaves without. A leg
 * that talks, talked a moment ago or is new has one to itself; of the legs that hear the same, one holds the encoder
 * that serves them all. The others are spare: a leg that begins to talk goes on with a copy of the state that served it
 * so far. More of them than a conference can need go back to signalling; when there is none, the leg that has been
 * apart from its group longest shares again, a little early. An annex does not encode: all go back. Codecs whose
 * encoders have state. Worker, hot.
 */
#ifndef CORE_CONF_ENCODERS_H
#define CORE_CONF_ENCODERS_H

#include "core/base/base.h"

struct conf;
struct group;
struct kits;
struct leg;

/** The plan has been compiled: a kind of bare legs that has no encoder borrows one. */
void encoders_borrow(struct conf *conf);
/** What is borrowed goes back: the conference does not tick any more. */
void encoders_return(struct conf *conf, struct kits *kits);

/** The plan has been compiled: how many are enough? */
void encoders_limit(struct conf *conf);

/** A leg has its place among those that may share; its encoder becomes the conference's. */
void encoders_enter(struct conf *conf, struct leg *leg);
/** It leaves the conference, and its encoder stays: with an heir if it was the group's. */
void encoders_leave(struct conf *conf, struct leg *leg);

/** It leaves the conference and takes its encoder along. @pre no other leg there has its codec: none may be missed */
void encoders_part(struct conf *conf, struct leg *leg);

/**
 * This tick's talkers are chosen and nothing is encoded yet: each gets an encoder of its own; encoders beyond what the
 * conference can need go to conf->surplus. The plan may be old afterwards (conf->changed).
 */
void encoders_tick(struct conf *conf);

/** Shall the legs that still encode for themselves share as soon as they may? */
bool encoders_scarce(const struct conf *conf, const struct leg *leg);

/** A leg shares again what serves its group. The first to do so lends its encoder. */
void encoder_share(struct conf *conf, struct group *group, struct leg *leg);

#endif
