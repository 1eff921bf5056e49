// The C door into Arrow's Parquet reader: a file's columns, and one value after another of a column in a row group. A column is read page by page
// as the values are asked for, so that memory is bounded by a page and a row group's dictionary, and does not grow with the file.
// Every function that can fail returns NULL on success or a message that stays valid until the next call on the same thread.
// A file and its columns belong to one thread at a time.
#ifndef CARROW_H
#define CARROW_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct CAFile CAFile;
typedef struct CAColumn CAColumn;
typedef const char *CAError;

typedef enum CAKind {
    CAKindOther = 0,  // dates, decimals, other lists: nothing that this door carries
    CAKindBytes,
    CAKindText,       // bytes that are declared to be UTF-8
    CAKindNumber,     // integers, floating point, booleans
    CAKindTextList,   // lists of such text, one level deep
} CAKind;

typedef struct CAValue {
    bool is_null;
    double number;
    const uint8_t *bytes;  // until the column is read further or closed
    int64_t length;
} CAValue;

// A file. Columns are leaves: a struct's fields are columns of their own, whose names are paths with dots (`image.bytes`).
CAError ca_file_open(const char *path, CAFile **result);
void ca_file_close(CAFile *file);
int32_t ca_file_row_groups(const CAFile *file);
int64_t ca_file_rows(const CAFile *file, int32_t row_group);
int32_t ca_file_columns(const CAFile *file);
const char *ca_file_column_name(const CAFile *file, int32_t column);
CAKind ca_file_column_kind(const CAFile *file, int32_t column);
// The field of the table that a column is, or is a part of.
int32_t ca_file_column_field(const CAFile *file, int32_t column);

// The fields of the table, as people see them, and their types in words: "text", "a struct of en, fr", "a list of numbers".
int32_t ca_file_fields(const CAFile *file);
const char *ca_file_field_name(const CAFile *file, int32_t field);
const char *ca_file_field_type(const CAFile *file, int32_t field);

// A column of a row group, from its first row. It must be closed before its file.
CAError ca_column_open(CAFile *file, int32_t row_group, int32_t column, CAColumn **result);
void ca_column_close(CAColumn *column);
CAError ca_column_skip(CAColumn *column, int64_t rows);
CAError ca_column_next(CAColumn *column, CAValue *value);

// The next row of a column of lists: how many texts it has, those that are null left out, or -1 where it has more than a caption can be.
CAError ca_column_next_list(CAColumn *column, int64_t *count);
// One of them, until the column is read further or closed.
const uint8_t *ca_column_text(const CAColumn *column, int64_t index, int64_t *length);

#ifdef __cplusplus
}
#endif
#endif
