#include "greeting.hpp"

#include <format>
#include <fstream>

std::string greeting() {
	std::ifstream file(WORDS);
	std::string words;
	std::getline(file, words);
	return std::format("Hello from C++{}, with {}.\n", __cplusplus / 100 % 100, words);
}
