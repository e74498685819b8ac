// Whatever the bytes are: nothing is read behind them, no more comes out than lies in them, and
// what is laid out in sectors over them is what is found again.
#include "proto/assert.hpp"
#include "tests/fuzz/target.hpp"
#include "wal/log_sectors.hpp"

#include <algorithm>
#include <string>

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace holdfast;
    constexpr std::uint32_t kLog = 12;
    std::string file(fuzz::text(data, size));
    const std::string found = wal::log_in(file, kLog);
    HOLDFAST_ASSERT(found.size() <= file.size() + wal::kSectorPayload);
    const std::string text = file.substr(0, std::min<std::size_t>(file.size(), 3000));
    const std::size_t laid_out = wal::sectors_of(text.size()) * wal::kSectorBytes;
    file.resize(std::max(file.size(), laid_out));
    constexpr std::uint32_t kOther = 13;
    const std::string before = wal::log_in(file, kOther);
    const bool has_some = before != file && before.find_first_not_of('\xff') != std::string::npos;
    if (has_some) return 0;
    wal::put_sectors(text, kOther, 0, file.data());
    HOLDFAST_ASSERT(wal::log_in(file, kOther).starts_with(text));
    return 0;
}
