/*
 * sign - signatures that cost a hash, for the simulator.
 *
 * Instead of libsodium's Ed25519, by its names: a signature is a hash of the public key
 * and the message.  Anybody could forge it, but nobody here tries: a changed program has
 * a good key.  What depends on real ones is played with real ones.
 */
#ifndef SIM_SIGN_H
#define SIM_SIGN_H

#include <stdbool.h>

void sign_for_real(bool real);		/* from here on; at first they are cheap */

#endif
