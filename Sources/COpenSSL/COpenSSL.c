#include "COpenSSL.h"

#include <openssl/bio.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <string.h>

co_key *co_key_new(void) { return EVP_EC_gen("P-256"); }

void co_key_free(co_key *key) { EVP_PKEY_free(key); }

// libcrypto writes an ECDSA signature in DER, JSON web tokens have its two numbers one after the other.

int co_sign(co_key *key, const uint8_t *text, size_t length, uint8_t signature[CO_SIGNATURE_LENGTH]) {
    uint8_t octets[128];
    size_t size = sizeof octets;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int done = context != NULL && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
               EVP_DigestSign(context, octets, &size, text, length) == 1;
    EVP_MD_CTX_free(context);
    if (!done) return 0;
    const uint8_t *next = octets;
    ECDSA_SIG *numbers = d2i_ECDSA_SIG(NULL, &next, (long)size);
    done = numbers != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(numbers), signature, 32) == 32 &&
           BN_bn2binpad(ECDSA_SIG_get0_s(numbers), signature + 32, 32) == 32;
    ECDSA_SIG_free(numbers);
    return done;
}

int co_is_signed(co_key *key, const uint8_t *text, size_t length, const uint8_t signature[CO_SIGNATURE_LENGTH]) {
    ECDSA_SIG *numbers = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature, 32, NULL), *s = BN_bin2bn(signature + 32, 32, NULL);
    if (numbers == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(numbers, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        ECDSA_SIG_free(numbers);
        return 0;
    }
    uint8_t *octets = NULL;
    int size = i2d_ECDSA_SIG(numbers, &octets);
    ECDSA_SIG_free(numbers);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int is_signed = size > 0 && context != NULL &&
                    EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
                    EVP_DigestVerify(context, octets, (size_t)size, text, length) == 1;
    EVP_MD_CTX_free(context);
    OPENSSL_free(octets);
    return is_signed;
}

static int set_subject(X509 *certificate, const co_request *request) {
    X509_NAME *name = X509_get_subject_name(certificate);
    const char *organization = request->organization;
    return (organization == NULL || X509_NAME_add_entry_by_NID(name, NID_organizationName, MBSTRING_UTF8,
                                                               (const uint8_t *)organization, -1, -1, 0) == 1) &&
           X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8, (const uint8_t *)request->common_name, -1, -1,
                                      0) == 1;
}

// A serial number of 126 random bits: positive, and never given twice.
static int set_serial(X509 *certificate) {
    BIGNUM *number = BN_new();
    int done = number != NULL && BN_rand(number, 126, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
               BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
    BN_free(number);
    return done;
}

static int add(X509 *certificate, X509 *issuer, int kind, const char *value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
    int done = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return done;
}

// Value by value: in OpenSSL's text form a host with a comma would be two.
static int add_hosts(X509 *certificate, const co_request *request) {
    if (request->host_count == 0) return 1;
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    int done = names != NULL;
    for (size_t i = 0; done && i < request->host_count; i++) {
        const char *host = request->hosts[i];
        ASN1_STRING *value = a2i_IPADDRESS(host);
        int kind = value != NULL ? GEN_IPADD : GEN_DNS;
        if (value == NULL && (value = ASN1_IA5STRING_new()) != NULL && ASN1_STRING_set(value, host, -1) != 1) {
            ASN1_STRING_free(value);
            value = NULL;
        }
        GENERAL_NAME *name = GENERAL_NAME_new();
        done = name != NULL && value != NULL;
        if (done) GENERAL_NAME_set0_value(name, kind, value);
        else ASN1_STRING_free(value);
        done = done && sk_GENERAL_NAME_push(names, name) > 0;
        if (!done) GENERAL_NAME_free(name);
    }
    done = done && X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1;
    GENERAL_NAMES_free(names);
    return done;
}

static int add_extensions(X509 *certificate, X509 *issuer, const co_request *request) {
    if (request->extended_key_usage == NULL)
        return add(certificate, issuer, NID_basic_constraints, "critical,CA:TRUE") &&
               add(certificate, issuer, NID_key_usage, "critical,keyCertSign,cRLSign") &&
               add(certificate, issuer, NID_subject_key_identifier, "hash");
    return add(certificate, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
           add(certificate, issuer, NID_key_usage, "critical,digitalSignature") &&
           add(certificate, issuer, NID_authority_key_identifier, "keyid:always") &&
           add(certificate, issuer, NID_ext_key_usage, request->extended_key_usage) && add_hosts(certificate, request);
}

co_certificate *co_certificate_new(const co_request *request, co_key *key, const co_certificate *issuer, co_key *issuer_key) {
    X509 *certificate = X509_new();
    if (certificate == NULL) return NULL;
    X509 *by = issuer != NULL ? (X509 *)issuer : certificate;
    if (X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) && set_subject(certificate, request) &&
        X509_set_issuer_name(certificate, X509_get_subject_name(by)) == 1 &&
        ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)request->not_before) != NULL &&
        ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)request->not_after) != NULL &&
        X509_set_pubkey(certificate, key) == 1 && add_extensions(certificate, by, request) &&
        X509_sign(certificate, issuer_key, EVP_sha256()) > 0)
        return certificate;
    X509_free(certificate);
    return NULL;
}

co_certificate *co_certificate_read(const uint8_t *octets, size_t length) {
    const uint8_t *next = octets;
    return d2i_X509(NULL, &next, (long)length);
}

void co_certificate_free(co_certificate *certificate) { X509_free(certificate); }

// What was written to memory as text; the memory goes.
static char *text_of(BIO *memory, int is_written) {
    char *octets, *text = NULL;
    long length = memory != NULL && is_written ? BIO_get_mem_data(memory, &octets) : 0;
    if (length > 0) text = OPENSSL_strndup(octets, (size_t)length);
    BIO_free(memory);
    return text;
}

char *co_key_pem(co_key *key) {
    BIO *memory = BIO_new(BIO_s_mem());
    return text_of(memory, memory != NULL && PEM_write_bio_PrivateKey(memory, key, NULL, NULL, 0, NULL, NULL) == 1);
}

char *co_certificate_pem(co_certificate *certificate) {
    BIO *memory = BIO_new(BIO_s_mem());
    return text_of(memory, memory != NULL && PEM_write_bio_X509(memory, certificate) == 1);
}

char *co_subject(const co_certificate *certificate, int organizations, int index) {
    const X509_NAME *name = X509_get_subject_name(certificate);
    int kind = organizations ? NID_organizationName : NID_commonName, at = -1;
    do at = X509_NAME_get_index_by_NID(name, kind, at);
    while (at >= 0 && index-- > 0);
    if (at < 0) return NULL;
    uint8_t *octets = NULL;
    int length = ASN1_STRING_to_UTF8(&octets, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    if (length < 0) return NULL;
    // A name with a zero in it is no name: what is before it might be somebody else's.
    char *text = memchr(octets, 0, (size_t)length) == NULL ? OPENSSL_strndup((const char *)octets, (size_t)length) : NULL;
    OPENSSL_free(octets);
    return text;
}

void co_text_free(char *text) { OPENSSL_free(text); }
