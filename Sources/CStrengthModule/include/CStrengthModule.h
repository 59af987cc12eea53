#ifndef POSTERN_STRENGTH_MODULE_H
#define POSTERN_STRENGTH_MODULE_H

/// The strength meter's WebAssembly module, gzipped, as `make wasm` built it.
const unsigned char *postern_strength_module(void);
unsigned int postern_strength_module_size(void);

#endif
