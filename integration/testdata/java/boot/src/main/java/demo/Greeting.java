package demo;

import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

@RestController
class Greeting {
  @GetMapping("/")
  String hello() {
    return "Hello from Spring Boot.";
  }
}
