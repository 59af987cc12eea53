#include <curl/curl.h>

// curl_easy_setopt takes variable arguments, which Swift can't call: one typed door for each kind of value.

static inline CURLcode postern_curl_set_string(CURL *handle, CURLoption option, const char *value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode postern_curl_set_long(CURL *handle, CURLoption option, long value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode postern_curl_set_pointer(CURL *handle, CURLoption option, void *value) {
    return curl_easy_setopt(handle, option, value);
}

typedef size_t (*postern_curl_transfer)(char *buffer, size_t size, size_t count, void *context);

static inline CURLcode postern_curl_set_transfer(CURL *handle, CURLoption option, postern_curl_transfer function) {
    return curl_easy_setopt(handle, option, function);
}

static inline CURLcode postern_curl_set_socket(CURL *handle, curl_opensocket_callback function) {
    return curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, function);
}

static inline CURLcode postern_curl_get_long(CURL *handle, CURLINFO info, long *value) {
    return curl_easy_getinfo(handle, info, value);
}
