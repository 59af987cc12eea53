#include "CPhoneNumber.h"

#include <phonenumbers/phonenumberutil.h>

#include <cstring>
#include <set>
#include <string>

using i18n::phonenumbers::PhoneNumber;
using i18n::phonenumbers::PhoneNumberUtil;

namespace {
template <size_t size> void put(const std::string &text, char (&into)[size]) {
    const size_t count = text.size() < size ? text.size() : size - 1;
    std::memcpy(into, text.data(), count);
    into[count] = 0;
}
}  // namespace

// No exception may reach Swift: it could only end the process.
int postern_phone_parse(const char *text, size_t count, const char *region, struct postern_phone *into) try {
    const PhoneNumberUtil &util = *PhoneNumberUtil::GetInstance();
    PhoneNumber number;
    if (util.Parse(std::string(text, count), region, &number) != PhoneNumberUtil::NO_PARSING_ERROR) return 1;
    if (!util.IsValidNumber(number)) return 2;
    // No message reaches an extension.
    if (number.has_extension()) return 1;
    std::string found;
    util.GetRegionCodeForNumber(number, &found);
    put(found, into->region);
    util.Format(number, PhoneNumberUtil::E164, &found);
    put(found, into->e164);
    util.Format(number, PhoneNumberUtil::INTERNATIONAL, &found);
    put(found, into->international);
    util.Format(number, PhoneNumberUtil::NATIONAL, &found);
    put(found, into->national);
    into->type = util.GetNumberType(number);
    return 0;
} catch (...) {
    return 1;
}

size_t postern_phone_countries(char *into, size_t size) try {
    std::set<std::string> regions;
    PhoneNumberUtil::GetInstance()->GetSupportedRegions(&regions);
    std::string all;
    for (const std::string &region : regions) {
        if (region.size() == 2) all += region;
    }
    if (all.size() <= size) std::memcpy(into, all.data(), all.size());
    return all.size();
} catch (...) {
    return 0;
}
