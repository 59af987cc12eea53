#include "CPasswordWords.h"

#pragma clang diagnostic ignored "-Wc23-extensions"
_Alignas(8) static const unsigned char words[] = {
#embed "words.bin"
};

const void *postern_password_words(void) { return words; }
