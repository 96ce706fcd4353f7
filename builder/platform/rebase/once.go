package rebase

import "sync"

// once computes a value per key once, however many goroutines ask for it at the same time.
type once[K comparable, V any] struct {
	mu     sync.Mutex
	values map[K]func() (V, error)
}

func (o *once[K, V]) get(key K, compute func() (V, error)) (V, error) {
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
