fn main() { println!("admin") }
