#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <wctype.h>

/* Says what the locale of the environment makes of two characters in UTF-8. */
int main(void)
{
	wchar_t wide[8];
	size_t n;

	if (!setlocale(LC_ALL, "")) {
		puts("there is no such locale");
		return 0;
	}
	n = mbstowcs(wide, "\xc3\xa4\xe2\x82\xac", 8);
	printf("%s, %zu characters, %s case\n", nl_langinfo(CODESET), n, towupper(0xe4) == 0xc4 ? "upper" : "no upper");
	return 0;
}
