#pragma once
#include <string>

// greeting returns what the server answers.
std::string greeting();
