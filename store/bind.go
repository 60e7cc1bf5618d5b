package store

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"
)

// bind appends args in the five types that engines take.
func bind(to []driver.NamedValue, args []any) ([]driver.NamedValue, error) {
	for i, arg := range args {
		v, err := value(arg)
		if err != nil {
			return to, fmt.Errorf("store: argument ?%d: %w", i+1, err)
		}
		to = append(to, driver.NamedValue{Ordinal: i + 1, Value: v})
	}
	return to, nil
}

// value converts the common types without reflection and leaves the rest (named types, pointers, driver.Valuer) to
// database/sql/driver.
func value(arg any) (driver.Value, error) {
	switch v := arg.(type) {
	case nil, int64:
		return v, nil
	case int:
		return int64(v), nil
	case string:
		return v, checkText(v)
	case []byte:
		if v == nil {
			return nil, nil // a nil slice is NULL, an empty one is an empty blob
		}
		return v, nil
	case bool:
		if v {
			return int64(1), nil
		}
		return int64(0), nil
	case float64:
		if math.IsNaN(v) {
			return nil, errors.New("NaN compares differently on each engine")
		}
		return v, nil
	case time.Time:
		return nil, errors.New("a time is stored as store.Micros(t)")
	}
	v, err := driver.DefaultParameterConverter.ConvertValue(arg)
	if err != nil {
		return nil, err
	}
	return value(v)
}

// checkText refuses what PostgreSQL's TEXT cannot hold, so that no engine holds it.
func checkText(s string) error {
	if !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 {
		return errors.New("text that is not UTF-8 or has a NUL")
	}
	return nil
}
