#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "greeting.h"

int main(void) {
	const char *port = getenv("PORT");
	struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(port ? atoi(port) : 8080)};
	int yes = 1, no = 0, listener = socket(AF_INET6, SOCK_STREAM, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
	if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 16) != 0) return 1;
	for (;;) {
		char request[4096], answer[512];
		int client = accept(listener, NULL, NULL);
		if (client < 0) continue;
		if (read(client, request, sizeof request) > 0) {
			int length = snprintf(answer, sizeof answer,
				"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s",
				strlen(greeting()), greeting());
			if (write(client, answer, length) < 0) return 1;
		}
		close(client);
	}
}
