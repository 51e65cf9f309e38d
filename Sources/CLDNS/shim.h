#include <ldns/ldns.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
