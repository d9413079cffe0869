/* libcurl's wrapper. See http_get.h. */
#include "tools/lib/http_get.h"

#include <errno.h>

#include <curl/curl.h>

enum { PATIENCE_S = 10 };

int http_ask_unix(const char *socket, const char *method, const char *path, const char *body, FILE *out,
                  char why[HTTP_WHY_MAX])
{
    char url[1024];
    long status = 0;
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = body ? curl_slist_append(NULL, "Content-Type: application/json") : NULL;
    snprintf(why, HTTP_WHY_MAX, "no memory");
    if (!curl || (body && !headers)) {
        curl_easy_cleanup(curl);
        return -EIO;
    }
    snprintf(url, sizeof url, "http://localhost%s", path);
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, out);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)PATIENCE_S);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    if (body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    }
    if (method) {
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    }
    CURLcode err = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    if (err == CURLE_COULDNT_CONNECT) {
        return -ECONNREFUSED;
    }
    if (err != CURLE_OK) {
        snprintf(why, HTTP_WHY_MAX, "%s", curl_easy_strerror(err));
        return -EIO;
    }
    return (int)status;
}

int http_get_unix(const char *socket, const char *path, FILE *out, char why[HTTP_WHY_MAX])
{
    return http_ask_unix(socket, NULL, path, NULL, out, why);
}
