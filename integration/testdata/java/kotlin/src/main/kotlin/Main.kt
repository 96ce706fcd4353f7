import com.sun.net.httpserver.HttpServer
import java.net.InetSocketAddress

fun main() {
    val port = System.getenv("PORT")?.toInt() ?: 8080
    val server = HttpServer.create(InetSocketAddress(port), 0)
    server.createContext("/") {
        val body = "Hello from Kotlin.".toByteArray()
        it.sendResponseHeaders(200, body.size.toLong())
        it.responseBody.write(body)
        it.close()
    }
    server.start()
}
