fn main() { common::serve("Hello from the worker.\n") }
