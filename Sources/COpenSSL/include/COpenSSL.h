// Keys and certificates by OpenSSL's libcrypto, whose own interface is macros and variable arguments that Swift cannot call.
// Calls only: what is signed, for whom and for how long is decided in Swift.
#ifndef CLUSTER_DNS_COPENSSL_H
#define CLUSTER_DNS_COPENSSL_H

#include <stddef.h>
#include <stdint.h>

// OpenSSL's EVP_PKEY and X509.
typedef struct evp_pkey_st co_key;
typedef struct x509_st co_certificate;

// A new private key on P-256; NULL where libcrypto gives none.
co_key *co_key_new(void);
void co_key_free(co_key *key);

// Octets of an ES256 signature (RFC 7518 §3.4): r and s, each of 32 octets.
#define CO_SIGNATURE_LENGTH 64
// Signs the text; 1, or 0 where libcrypto refuses.
int co_sign(co_key *key, const uint8_t *text, size_t length, uint8_t signature[CO_SIGNATURE_LENGTH]);
// 1 where the signature is that key's over the text, otherwise 0.
int co_is_signed(co_key *key, const uint8_t *text, size_t length, const uint8_t signature[CO_SIGNATURE_LENGTH]);

// What a certificate says.
typedef struct co_request {
    const char *organization; // or NULL
    const char *common_name;
    const char *extended_key_usage; // "serverAuth", "clientAuth"; NULL: an authority
    const char *const *hosts;       // names and addresses
    size_t host_count;
    int64_t not_before; // seconds since 1970
    int64_t not_after;
} co_request;

// A certificate for the key, signed by the issuer; an issuer of NULL stands for itself. NULL where libcrypto refuses.
co_certificate *co_certificate_new(const co_request *request, co_key *key, const co_certificate *issuer, co_key *issuer_key);
// One certificate in DER; NULL where it is none.
co_certificate *co_certificate_read(const uint8_t *octets, size_t length);
void co_certificate_free(co_certificate *certificate);

// As PEM, ended by a zero; freed by co_text_free. NULL without memory.
char *co_key_pem(co_key *key);
char *co_certificate_pem(co_certificate *certificate);

// The value at `index`, from 0, of the subject's common names (0) or organizations (1) in UTF-8, ended by a zero; freed by
// co_text_free. NULL where there is none.
char *co_subject(const co_certificate *certificate, int organizations, int index);
void co_text_free(char *text);

#endif
