#ifndef POSTERN_CPHONENUMBER_H
#define POSTERN_CPHONENUMBER_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/// What libphonenumber says of a text. Strings end with NUL.
struct postern_phone {
    /// With the plus: at most 15 digits (ITU-T E.164, 6.1).
    char e164[24];
    char international[64];
    char national[64];
    /// ISO 3166-1, or "001" for what belongs to no country: satellites and worldwide services.
    char region[8];
    /// PhoneNumberUtil::PhoneNumberType.
    int type;
};

/// - Returns: 0; 1 where it is no number, 2 where it is none that is in use.
int postern_phone_parse(const char *text, size_t count, const char *region, struct postern_phone *into);

/// Writes the codes of all countries that have numbers, two letters each, one after the other.
/// - Returns: how many bytes that is; nothing was written if `size` is less.
size_t postern_phone_countries(char *into, size_t size);

#ifdef __cplusplus
}
#endif

#endif
