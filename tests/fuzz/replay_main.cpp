// Runs a target over every file of a folder. A broken promise aborts.
#include "tests/fuzz/target.hpp"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    int count = 0;
    for (const auto& seed : std::filesystem::directory_iterator(argv[1])) {
        std::printf("%s\n", seed.path().c_str());
        std::fflush(stdout);  // the last line names the culprit
        std::ifstream file(seed.path(), std::ios::binary);
        const std::vector<char> bytes(std::istreambuf_iterator<char>(file), {});
        LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
        ++count;
    }
    return count > 0 ? 0 : 1;
}
