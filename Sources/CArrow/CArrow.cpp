#include "CArrow.h"

#include <arrow/memory_pool.h>
#include <parquet/column_reader.h>
#include <parquet/exception.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/schema.h>

#include <memory>
#include <string>
#include <type_traits>
#include <vector>

struct CAFile {
    std::unique_ptr<parquet::ParquetFileReader> reader;
    std::vector<int64_t> rows;  // of each row group
    std::vector<std::string> names;
    std::vector<CAKind> kinds;
};

struct CAColumn {
    std::shared_ptr<parquet::ColumnReader> reader;
};

namespace {

thread_local std::string message_of_last_failure;

/// Runs `body`, turning every C++ exception into a message.
template <typename Body>
CAError guarded(Body body) {
    try {
        body();
        return nullptr;
    } catch (const std::exception &error) {
        message_of_last_failure = error.what();
    } catch (...) {
        message_of_last_failure = "unknown C++ exception";
    }
    return message_of_last_failure.c_str();
}

CAKind kind(const parquet::ColumnDescriptor &column) {
    const auto &logical = column.logical_type();
    bool is_plain = !logical || logical->is_none();
    if (column.max_repetition_level() > 0) return CAKindOther;
    switch (column.physical_type()) {
    case parquet::Type::BYTE_ARRAY:
        return is_plain ? CAKindBytes : logical->is_string() ? CAKindText : CAKindOther;
    case parquet::Type::BOOLEAN:
    case parquet::Type::INT32:
    case parquet::Type::INT64:
    case parquet::Type::FLOAT:
    case parquet::Type::DOUBLE:
        return is_plain || logical->is_int() ? CAKindNumber : CAKindOther;
    default:
        return CAKindOther;
    }
}

template <typename Reader>
void next(parquet::ColumnReader &column, CAValue &value) {
    typename Reader::T found{};
    int16_t definition, repetition;
    int64_t count = 0;
    if (static_cast<Reader &>(column).ReadBatch(1, &definition, &repetition, &found, &count) != 1)
        throw parquet::ParquetException("the column has fewer rows than its row group");
    value = {count == 0, 0, nullptr, 0};
    if (value.is_null) return;
    if constexpr (std::is_same_v<typename Reader::T, parquet::ByteArray>) {
        value.bytes = found.ptr;
        value.length = found.len;
    } else {
        value.number = static_cast<double>(found);
    }
}

template <typename Reader>
void skip(parquet::ColumnReader &column, int64_t rows) {
    if (static_cast<Reader &>(column).Skip(rows) != rows) throw parquet::ParquetException("the column has fewer rows than its row group");
}

}  // namespace

CAError ca_file_open(const char *path, CAFile **result) {
    return guarded([&] {
        // Arrow's own pool gives pages back to the system. Those of malloc, set to keep what it has, would leave holes: four times the memory.
        parquet::ReaderProperties properties(arrow::default_memory_pool());
        // Otherwise a column is read whole, for all rows of its row group, before the first of its values is given.
        properties.enable_buffered_stream();
        properties.set_buffer_size(1 << 16);
        properties.set_page_checksum_verification(true);
        auto file = std::make_unique<CAFile>();
        file->reader = parquet::ParquetFileReader::OpenFile(path, /*memory_map=*/false, properties);
        // All that the file says of itself is asked here, where an exception is a message.
        const parquet::FileMetaData &metadata = *file->reader->metadata();
        for (int i = 0; i < metadata.num_row_groups(); i++) file->rows.push_back(metadata.RowGroup(i)->num_rows());
        for (int i = 0; i < metadata.schema()->num_columns(); i++) {
            const parquet::ColumnDescriptor &column = *metadata.schema()->Column(i);
            file->names.push_back(column.path()->ToDotString());
            file->kinds.push_back(kind(column));
        }
        *result = file.release();
    });
}

void ca_file_close(CAFile *file) { delete file; }
int32_t ca_file_row_groups(const CAFile *file) { return static_cast<int32_t>(file->rows.size()); }
int64_t ca_file_rows(const CAFile *file, int32_t row_group) { return file->rows[row_group]; }
int32_t ca_file_columns(const CAFile *file) { return static_cast<int32_t>(file->names.size()); }
const char *ca_file_column_name(const CAFile *file, int32_t column) { return file->names[column].c_str(); }
CAKind ca_file_column_kind(const CAFile *file, int32_t column) { return file->kinds[column]; }

CAError ca_column_open(CAFile *file, int32_t row_group, int32_t column, CAColumn **result) {
    return guarded([&] { *result = new CAColumn{file->reader->RowGroup(row_group)->Column(column)}; });
}

void ca_column_close(CAColumn *column) { delete column; }

CAError ca_column_skip(CAColumn *column, int64_t rows) {
    return guarded([&] {
        switch (column->reader->type()) {
        case parquet::Type::BOOLEAN: return skip<parquet::BoolReader>(*column->reader, rows);
        case parquet::Type::INT32: return skip<parquet::Int32Reader>(*column->reader, rows);
        case parquet::Type::INT64: return skip<parquet::Int64Reader>(*column->reader, rows);
        case parquet::Type::FLOAT: return skip<parquet::FloatReader>(*column->reader, rows);
        case parquet::Type::DOUBLE: return skip<parquet::DoubleReader>(*column->reader, rows);
        case parquet::Type::BYTE_ARRAY: return skip<parquet::ByteArrayReader>(*column->reader, rows);
        default: throw parquet::ParquetException("the column is of a kind that is not read");
        }
    });
}

CAError ca_column_next(CAColumn *column, CAValue *value) {
    return guarded([&] {
        switch (column->reader->type()) {
        case parquet::Type::BOOLEAN: return next<parquet::BoolReader>(*column->reader, *value);
        case parquet::Type::INT32: return next<parquet::Int32Reader>(*column->reader, *value);
        case parquet::Type::INT64: return next<parquet::Int64Reader>(*column->reader, *value);
        case parquet::Type::FLOAT: return next<parquet::FloatReader>(*column->reader, *value);
        case parquet::Type::DOUBLE: return next<parquet::DoubleReader>(*column->reader, *value);
        case parquet::Type::BYTE_ARRAY: return next<parquet::ByteArrayReader>(*column->reader, *value);
        default: throw parquet::ParquetException("the column is of a kind that is not read");
        }
    });
}
