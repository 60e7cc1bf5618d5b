package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// plain returns a setting's value as TOML and JSON can write it: string, bool, int64, float64 or []string.
func (f *field) plain() any {
	switch v := f.value.Interface().(type) {
	case time.Duration:
		return duration(v)
	case int:
		return int64(v)
	case []string:
		return append([]string{}, v...) // a list that is nil is an empty one
	default:
		return v
	}
}

// duration writes whole minutes and hours without the zeros that time.Duration puts behind them.
func duration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// decode takes a value as the TOML parser gives it.
func (f *field) decode(v any) error {
	switch f.value.Type() {
	case typeStrings:
		list, ok := v.([]any)
		if !ok {
			return f.want()
		}
		all := make([]string, len(list))
		for i, item := range list {
			if all[i], ok = item.(string); !ok {
				return f.want()
			}
		}
		f.value.Set(reflect.ValueOf(all))
		return nil
	case typeDuration:
		text, ok := v.(string)
		if !ok {
			return f.want()
		}
		return f.parse(text)
	case typeFloat:
		if n, ok := v.(int64); ok {
			v = float64(n)
		}
	case typeInt:
		if n, ok := v.(int64); ok && int64(int(n)) == n {
			v = int(n)
		}
	}
	if reflect.TypeOf(v) != f.value.Type() {
		return f.want()
	}
	return f.set(v)
}

// parse takes a value as text, from a flag or the environment. A list is several texts.
func (f *field) parse(texts ...string) error {
	if f.value.Type() == typeStrings {
		return f.set(slices.Clone(texts))
	}
	if len(texts) != 1 {
		return f.want()
	}
	var (
		v   any = texts[0]
		err error
	)
	switch f.value.Type() {
	case typeBool:
		v, err = strconv.ParseBool(texts[0])
	case typeInt:
		v, err = strconv.Atoi(texts[0])
	case typeFloat:
		v, err = strconv.ParseFloat(texts[0], 64)
	case typeDuration:
		v, err = time.ParseDuration(texts[0])
	}
	if err != nil {
		return f.want()
	}
	return f.set(v)
}

func (f *field) set(v any) error {
	switch n := v.(type) {
	case int:
		if n < 0 {
			return fmt.Errorf("%s is negative", f.key)
		}
	case float64:
		if !(n >= 0) { // not a number is refused too
			return fmt.Errorf("%s is negative", f.key)
		}
	case time.Duration:
		if n < 0 {
			return fmt.Errorf("%s is negative", f.key)
		}
	}
	f.value.Set(reflect.ValueOf(v))
	return nil
}

// want is the error for a value of the wrong kind.
func (f *field) want() error {
	kind := ""
	switch f.value.Type() {
	case typeString:
		kind = `a text in quotes`
	case typeBool:
		kind = "true or false"
	case typeInt:
		kind = "a whole number"
	case typeFloat:
		kind = "a number"
	case typeDuration:
		kind = `a time such as "90s", "5m" or "24h"`
	case typeStrings:
		kind = `a list of texts such as ["one", "two"]`
	}
	return fmt.Errorf("%s must be %s", f.key, kind)
}
