#include <cstdlib>
#include <string>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "greeting.hpp"

int main() {
	const char *port = std::getenv("PORT");
	sockaddr_in6 address{};
	address.sin6_family = AF_INET6;
	address.sin6_port = htons(port ? std::atoi(port) : 8080);
	int yes = 1, no = 0, listener = socket(AF_INET6, SOCK_STREAM, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
	if (bind(listener, reinterpret_cast<sockaddr *>(&address), sizeof address) != 0 || listen(listener, 16) != 0) return 1;
	for (;;) {
		int client = accept(listener, nullptr, nullptr);
		if (client < 0) continue;
		char request[4096];
		if (read(client, request, sizeof request) > 0) {
			std::string body = greeting();
			std::string answer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: " +
			                     std::to_string(body.size()) + "\r\n\r\n" + body;
			if (write(client, answer.data(), answer.size()) < 0) return 1;
		}
		close(client);
	}
}
