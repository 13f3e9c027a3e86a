// A web server on the loopback interface that serves one file, well or badly.
#pragma once

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace espalier::datasets::testing {

struct HttpBehaviour {
  std::string body = {};
  bool ranges = true;           // answers Range requests with the part asked for
  bool length = true;           // says how long the answer is
  std::int64_t cut_after = -1;  // closes each of the first `cuts` answers after that many bytes of body
  int cuts = 1;
  int errors = 0;             // answers the first requests with status 503
  std::string redirect = {};  // answers with a redirect there
  int status = 200;           // of an answer in full
};

class HttpServer {
 public:
  explicit HttpServer(HttpBehaviour behaviour);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::string url(const std::string& path = "/file") const;
  // The first byte that each request asked for.
  std::vector<std::int64_t> range_starts() const;

 private:
  void serve();
  void answer(int client);

  HttpBehaviour behaviour_;
  int listener_ = -1;
  int port_ = 0;
  mutable std::mutex mutex_;
  std::vector<std::int64_t> range_starts_;
  std::thread thread_;
};

inline void send_all(int client, const std::string& bytes) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t n = send(client, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) return;
    sent += static_cast<std::size_t>(n);
  }
}

inline HttpServer::HttpServer(HttpBehaviour behaviour) : behaviour_(std::move(behaviour)) {
  listener_ = socket(AF_INET, SOCK_STREAM, 0);
  REQUIRE(listener_ >= 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  REQUIRE(bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(listen(listener_, 8) == 0);
  REQUIRE(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

inline HttpServer::~HttpServer() {
  shutdown(listener_, SHUT_RDWR);  // ends accept()
  thread_.join();
  close(listener_);
}

inline std::string HttpServer::url(const std::string& path) const {
  return fmt::format("http://127.0.0.1:{}{}", port_, path);
}

inline std::vector<std::int64_t> HttpServer::range_starts() const {
  const std::lock_guard lock(mutex_);
  return range_starts_;
}

inline void HttpServer::serve() {
  for (;;) {
    const int client = accept(listener_, nullptr, nullptr);
    if (client < 0) return;
    answer(client);
    close(client);
  }
}

inline void HttpServer::answer(int client) {
  std::string request;
  char buffer[4096];
  while (request.find("\r\n\r\n") == std::string::npos) {
    const ssize_t got = recv(client, buffer, sizeof(buffer), 0);
    if (got <= 0) return;
    request.append(buffer, static_cast<std::size_t>(got));
  }
  const std::string key = "Range: bytes=";
  const std::size_t at = request.find(key);
  const std::int64_t asked = at == std::string::npos ? 0 : std::atoll(request.c_str() + at + key.size());
  {
    const std::lock_guard lock(mutex_);
    range_starts_.push_back(asked);
  }
  if (behaviour_.errors > 0) {
    --behaviour_.errors;
    return send_all(client, "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  }
  if (!behaviour_.redirect.empty()) {
    return send_all(
        client,
        fmt::format("HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                    behaviour_.redirect));
  }
  const bool partial = behaviour_.ranges && asked > 0;
  std::string body = behaviour_.body.substr(
      partial ? std::min<std::size_t>(static_cast<std::size_t>(asked), behaviour_.body.size()) : 0);
  std::string head =
      fmt::format("HTTP/1.1 {} Answer\r\nConnection: close\r\n", partial ? 206 : behaviour_.status);
  if (behaviour_.length) head += fmt::format("Content-Length: {}\r\n", body.size());
  if (partial)
    head += fmt::format("Content-Range: bytes {}-{}/{}\r\n", asked, behaviour_.body.size() - 1,
                        behaviour_.body.size());
  if (behaviour_.cut_after >= 0 && behaviour_.cuts > 0) {
    --behaviour_.cuts;
    body.resize(std::min(body.size(), static_cast<std::size_t>(behaviour_.cut_after)));
  }
  send_all(client, head + "\r\n" + body);
}

}  // namespace espalier::datasets::testing
