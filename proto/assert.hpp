// Stops the process on a broken invariant, in every build: a bug must not go on writing to the log.
// An expected failure is a Result, never this.
#pragma once

#include <cstdio>
#include <cstdlib>

#define HOLDFAST_ASSERT(condition)                                                                 \
    do {                                                                                           \
        if (!(condition)) [[unlikely]] {                                                           \
            std::fprintf(stderr, "%s:%d: broken invariant: %s\n", __FILE__, __LINE__, #condition); \
            std::abort();                                                                          \
        }                                                                                          \
    } while (false)
