// The one lock of all memory that this module keeps between calls. A fork waits for it, so that no child is born with
// it held by a thread that the child does not have.
#pragma once
#include <mutex>

#if !defined(_WIN32)
#include <pthread.h>
#endif

inline std::mutex& kept_memory() {
    static std::mutex* const mutex = [] {
        static auto* made = new std::mutex;  // never destroyed: tensors may outlive the module
#if !defined(_WIN32)
        pthread_atfork([] { made->lock(); }, [] { made->unlock(); }, [] { made->unlock(); });
#endif
        return made;
    }();
    return *mutex;
}
