package store

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"reflect"
)

// assign stores a column's value in what dest points to. It converts nothing that could lose meaning: a number is not
// text, and NULL needs a destination that can say so.
func assign(dest any, v driver.Value) error {
	switch d := dest.(type) {
	case sql.Scanner:
		return d.Scan(v)
	case *any:
		*d = v
		return nil
	case *int64:
		return into(d, v)
	case *string:
		return into(d, v)
	case *float64:
		return into(d, v)
	case *[]byte:
		return assignBytes(d, v)
	}
	p := reflect.ValueOf(dest)
	if p.Kind() != reflect.Pointer || p.IsNil() {
		return fmt.Errorf("destination %T is not a pointer", dest)
	}
	return assignKind(p.Elem(), v)
}

func into[T any](d *T, v driver.Value) error {
	t, ok := v.(T)
	if !ok {
		return mismatch(*d, v)
	}
	*d = t
	return nil
}

// assignBytes gives nil for NULL and only for NULL: SQLite's driver gives nil for an empty blob too.
func assignBytes(d *[]byte, v driver.Value) error {
	switch b := v.(type) {
	case nil:
		*d = nil
	case []byte:
		if *d = b; b == nil {
			*d = []byte{}
		}
	case string:
		*d = []byte(b)
	default:
		return mismatch(*d, v)
	}
	return nil
}

// assignKind serves named types, small integers, booleans and pointers.
func assignKind(d reflect.Value, v driver.Value) error {
	if d.Kind() == reflect.Pointer {
		if v == nil {
			d.SetZero()
			return nil
		}
		p := reflect.New(d.Type().Elem())
		d.Set(p)
		return assign(p.Interface(), v)
	}
	switch v := v.(type) {
	case int64:
		return assignInt(d, v)
	case float64:
		if d.CanFloat() {
			d.SetFloat(v)
			return nil
		}
	case string:
		if d.Kind() == reflect.String {
			d.SetString(v)
			return nil
		}
	case []byte:
		if d.Kind() == reflect.Slice && d.Type().Elem().Kind() == reflect.Uint8 {
			d.SetBytes(v)
			return nil
		}
	}
	return mismatch(d.Interface(), v)
}

func assignInt(d reflect.Value, v int64) error {
	switch {
	case d.Kind() == reflect.Bool && (v == 0 || v == 1):
		d.SetBool(v == 1)
	case d.CanInt() && !d.OverflowInt(v):
		d.SetInt(v)
	case d.CanUint() && v >= 0 && !d.OverflowUint(uint64(v)):
		d.SetUint(uint64(v))
	default:
		return fmt.Errorf("%d does not fit %s", v, d.Type())
	}
	return nil
}

func mismatch(d any, v driver.Value) error {
	if v == nil {
		return errors.New("NULL needs a pointer to a pointer or a sql.Null")
	}
	return fmt.Errorf("%T does not fit %T", v, d)
}
