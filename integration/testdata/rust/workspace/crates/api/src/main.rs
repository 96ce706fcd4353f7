fn main() { common::serve("Hello from the workspace.\n") }
