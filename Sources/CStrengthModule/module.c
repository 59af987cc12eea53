#include "CStrengthModule.h"

#pragma clang diagnostic ignored "-Wc23-extensions"
#if !__has_embed("strength.wasm.gz")
#error "The strength meter's module is not built yet: run 'make wasm'."
#endif
static const unsigned char module[] = {
#embed "strength.wasm.gz"
};

const unsigned char *postern_strength_module(void) { return module; }
unsigned int postern_strength_module_size(void) { return sizeof module; }
