/*
 * rekey - a home that was copied signs as another.
 */
#ifndef SIMCORE_REKEY_H
#define SIMCORE_REKEY_H

#include "org.h"

/* NODE takes another name; its work that the hub does not have under the old one is signed
 * again. */
void rekey(struct node *node);

#endif
