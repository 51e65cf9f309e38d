// ICU's data library without data, in the form that ICU's own stubdata library has (icu4c/source/stubdata).
//
// Foundation is linked for what other libraries take from it, and brings ICU with 34 MB of languages, calendars and scripts.
// Nothing here formats a date or sorts a text for people. With this table in the place of the large one ICU starts, finds
// no item and says so; what it does without items (properties of characters, regular expressions) works as before.
#include <stdint.h>

// One symbol for each version of ICU's data format; the number is part of the name.
#define DATA icudt76_dat

typedef struct {
    uint16_t header_size;
    uint8_t magic[2];
    // UDataInfo
    uint16_t info_size;
    uint16_t reserved_word;
    uint8_t is_big_endian;
    uint8_t charset_family;
    uint8_t char16_size;
    uint8_t reserved_octet;
    uint8_t data_format[4];
    uint8_t format_version[4];
    uint8_t data_version[4];
    char padding[8];
    // Table of contents: how many items.
    uint32_t count;
    uint32_t reserved;
    int32_t no_names[4];
} icu_data_header;

_Alignas(16) const icu_data_header DATA = {
    .header_size = 32,
    .magic = {0xDA, 0x27},
    .info_size = 20,
    .char16_size = 2,
    .data_format = {'T', 'o', 'C', 'P'},
    .format_version = {1},
};
