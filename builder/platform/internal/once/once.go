// Package once computes values that several goroutines want.
package once

import "sync"

// Map computes a value per key once, however many goroutines ask for it at the same time. The zero value is an empty map.
type Map[K comparable, V any] struct {
	mu     sync.Mutex
	values map[K]func() (V, error)
}

// Get returns the value of a key, and computes it if nobody has asked for it before.
func (o *Map[K, V]) Get(key K, compute func() (V, error)) (V, error) {
	o.mu.Lock()
	value, ok := o.values[key]
	if !ok {
		if o.values == nil {
			o.values = map[K]func() (V, error){}
		}
		value = sync.OnceValues(compute)
		o.values[key] = value
	}
	o.mu.Unlock()
	return value()
}
