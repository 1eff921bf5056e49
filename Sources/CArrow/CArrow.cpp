#include "CArrow.h"

#include <arrow/memory_pool.h>
#include <arrow/util/config.h>
#include <parquet/column_reader.h>
#include <parquet/exception.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/schema.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

struct CAFile {
    std::unique_ptr<parquet::ParquetFileReader> reader;
    std::vector<int64_t> rows;  // of each row group
    std::vector<std::string> names;
    std::vector<CAKind> kinds;
    std::vector<int32_t> column_fields;
    std::vector<std::string> field_names, field_types;
};

struct CAColumn {
    std::shared_ptr<parquet::ColumnReader> reader;
    // Of a column of lists: the texts of the row that was read last, and the entry behind them, which is the next row's first.
    std::vector<std::string> texts;
    std::optional<std::string> entry;
    bool has_entry = false;
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

using parquet::schema::GroupNode;
using parquet::schema::Node;

const GroupNode &group(const Node &node) { return static_cast<const GroupNode &>(node); }

bool is_list(const Node &node) { return node.is_group() && node.logical_type() && node.logical_type()->is_list() && group(node).field_count() == 1; }

/// What stands in the place of a list's elements, repeated: in today's form a group of one, in older ones the element itself.
const Node &element(const Node &list) {
    const Node &repeated = *group(list).field(0);
    return repeated.is_group() && group(repeated).field_count() == 1 ? *group(repeated).field(0) : repeated;
}

/// The type of a node in words, of one value or of several.
std::string type_name(const Node &node, bool is_plural, bool in_list = false) {
    if (node.is_repeated() && !in_list) return std::string(is_plural ? "lists of " : "a list of ") + type_name(node, true, true);
    if (is_list(node)) return std::string(is_plural ? "lists of " : "a list of ") + type_name(element(node), true, true);
    if (node.is_group()) {
        if (node.logical_type() && node.logical_type()->is_map()) return is_plural ? "maps" : "a map";
        std::string names;
        for (int i = 0; i < group(node).field_count() && i < 6; i++) names += (i ? ", " : "") + group(node).field(i)->name();
        return (is_plural ? "structs of " : "a struct of ") + names + (group(node).field_count() > 6 ? ", …" : "");
    }
    const auto &logical = node.logical_type();
    if (logical && logical->is_null()) return is_plural ? "nulls" : "null throughout";
    switch (static_cast<const parquet::schema::PrimitiveNode &>(node).physical_type()) {
    case parquet::Type::BYTE_ARRAY:
    case parquet::Type::FIXED_LEN_BYTE_ARRAY:
        if (!logical || logical->is_none())
            return static_cast<const parquet::schema::PrimitiveNode &>(node).physical_type() == parquet::Type::BYTE_ARRAY ? "bytes" : "bytes of one length";
        return logical->is_string() || logical->is_enum() ? "text" : logical->is_JSON() ? "JSON" : logical->is_decimal() ? "a decimal number" : "bytes";
    case parquet::Type::BOOLEAN: return "yes or no";
    default: break;
    }
    if (logical && (logical->is_timestamp() || logical->is_date() || logical->is_time())) return is_plural ? "times" : "a time";
    return is_plural ? "numbers" : "a number";
}

/// Whether a column of texts is a list of them and nothing more.
bool is_plain_list(const parquet::ColumnDescriptor &column) {
    if (column.max_repetition_level() != 1) return false;
    const Node *leaf = column.schema_node().get();
    if (!leaf->parent() || !leaf->parent()->parent()) return leaf->is_repeated();
    const Node *node = leaf;
    while (node->parent()->parent()) node = node->parent();
    return is_list(*node) && &element(*node) == leaf;
}

CAKind kind(const parquet::ColumnDescriptor &column) {
    const auto &logical = column.logical_type();
    bool is_plain = !logical || logical->is_none();
    bool is_text = column.physical_type() == parquet::Type::BYTE_ARRAY && logical && (logical->is_string() || logical->is_enum());
    if (column.max_repetition_level() > 0) return is_text && is_plain_list(column) ? CAKindTextList : CAKindOther;
    switch (column.physical_type()) {
    case parquet::Type::BYTE_ARRAY:
        return is_plain ? CAKindBytes : is_text ? CAKindText : CAKindOther;
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

/// A list may have this many texts, of so many bytes together: more is no caption, and must not fill the memory.
constexpr size_t most_texts = 1000, most_bytes = 1 << 20;

/// Reads an entry of a column of lists: whether it begins a row, and its text where it has one.
bool read_entry(CAColumn &column) {
    parquet::ByteArray found;
    int16_t definition, repetition;
    int64_t count = 0;
    auto &reader = static_cast<parquet::ByteArrayReader &>(*column.reader);
    if (reader.ReadBatch(1, &definition, &repetition, &found, &count) != 1) throw parquet::ParquetException("the column has fewer rows than its row group");
    column.entry.reset();
    if (count > 0) column.entry.emplace(reinterpret_cast<const char *>(found.ptr), std::min<size_t>(found.len, most_bytes + 1));
    return repetition == 0;
}

/// Reads the texts of a row. Returns whether there are no more than a caption can have.
bool next_list(CAColumn &column) {
    if (column.reader->type() != parquet::Type::BYTE_ARRAY) throw parquet::ParquetException("the column is of a kind that is not read");
    column.texts.clear();
    size_t bytes = 0;
    bool fits = true;
    if (!column.has_entry && !read_entry(column)) throw parquet::ParquetException("a list begins in the middle");
    do {
        if (column.entry) {
            bytes += column.entry->size();
            fits = fits && column.texts.size() < most_texts && bytes <= most_bytes;
            if (fits) column.texts.push_back(std::move(*column.entry));
        }
        column.has_entry = column.reader->HasNext();
    } while (column.has_entry && !read_entry(column));
    return fits;
}

template <typename Reader>
void skip(parquet::ColumnReader &column, int64_t rows) {
    if (static_cast<Reader &>(column).Skip(rows) != rows) throw parquet::ParquetException("the column has fewer rows than its row group");
}

/// Arrow takes the memory that a page says it needs before it has read the page: a damaged or hostile one must not get it.
arrow::MemoryPool *memory() {
#if ARROW_VERSION_MAJOR >= 21
    static arrow::CappedMemoryPool pool(arrow::default_memory_pool(), int64_t(8) << 30);
    return &pool;
#else
    return arrow::default_memory_pool();
#endif
}

}  // namespace

CAError ca_file_open(const char *path, CAFile **result) {
    return guarded([&] {
        // Arrow's own pool gives pages back to the system. Those of malloc, set to keep what it has, would leave holes: four times the memory.
        parquet::ReaderProperties properties(memory());
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
            file->column_fields.push_back(metadata.schema()->group_node()->FieldIndex(*metadata.schema()->GetColumnRoot(i)));
        }
        for (int i = 0; i < metadata.schema()->group_node()->field_count(); i++) {
            const Node &field = *metadata.schema()->group_node()->field(i);
            file->field_names.push_back(field.name());
            file->field_types.push_back(type_name(field, false));
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
int32_t ca_file_column_field(const CAFile *file, int32_t column) { return file->column_fields[column]; }
int32_t ca_file_fields(const CAFile *file) { return static_cast<int32_t>(file->field_names.size()); }
const char *ca_file_field_name(const CAFile *file, int32_t field) { return file->field_names[field].c_str(); }
const char *ca_file_field_type(const CAFile *file, int32_t field) { return file->field_types[field].c_str(); }

CAError ca_column_open(CAFile *file, int32_t row_group, int32_t column, CAColumn **result) {
    return guarded([&] { auto opened = std::make_unique<CAColumn>();
        opened->reader = file->reader->RowGroup(row_group)->Column(column);
        *result = opened.release(); });
}

void ca_column_close(CAColumn *column) { delete column; }

CAError ca_column_skip(CAColumn *column, int64_t rows) {
    return guarded([&] {
        if (column->reader->descr()->max_repetition_level() > 0) {
            for (; rows > 0; rows--) next_list(*column);
            return;
        }
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

CAError ca_column_next_list(CAColumn *column, int64_t *count) {
    return guarded([&] {
        *count = next_list(*column) ? static_cast<int64_t>(column->texts.size()) : -1;
    });
}

const uint8_t *ca_column_text(const CAColumn *column, int64_t index, int64_t *length) {
    const std::string &text = column->texts[index];
    *length = static_cast<int64_t>(text.size());
    return reinterpret_cast<const uint8_t *>(text.data());
}
