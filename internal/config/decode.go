package config

import (
	"encoding"
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/yamlx"
)

// Decode fills into, a pointer, from the value at path, by the json tags of
// encoding/json and its unmarshalling methods. It leaves into alone when there
// is no value, and keys that into has no field for are ignored. Unlike JSON,
// text stands for a number or a boolean where one is wanted, because that is
// how variables arrive; a time.Duration reads what [ParseDuration] reads. The
// error of a wrong type names file, line and path.
func (c *Config) Decode(path string, into any) error {
	target := reflect.ValueOf(into)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		return fault.Newf(fault.Internal, "decode %s: need a pointer, got %T", c.full(path), into)
	}
	v := c.find(path)
	if v == nil {
		return nil
	}
	return decode(v, c.full(path), target.Elem())
}

var (
	durationType        = reflect.TypeFor[time.Duration]()
	numberType          = reflect.TypeFor[json.Number]()
	jsonUnmarshalerType = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
)

func decode(v *value, path string, into reflect.Value) error {
	if v.isNull() {
		return nil
	}
	if into.Type() == durationType {
		duration, err := ParseDuration(v.plain())
		if err != nil {
			return fault.At(v.at, "%s: %w", path, err)
		}
		into.SetInt(int64(duration))
		return nil
	}
	if into.Type() == numberType {
		number, ok := toNumber(v.scalar)
		if !ok {
			return wrongType(v, path, "a number")
		}
		into.SetString(yamlx.FormatNumber(number))
		return nil
	}
	if into.CanAddr() && into.Kind() != reflect.Pointer {
		if handled, err := decodeByMethod(v, path, into.Addr()); handled {
			return err
		}
	}
	switch into.Kind() {
	case reflect.Pointer:
		if into.IsNil() {
			into.Set(reflect.New(into.Type().Elem()))
		}
		return decode(v, path, into.Elem())
	case reflect.Interface:
		if into.NumMethod() == 0 {
			into.Set(reflect.ValueOf(v.plain()))
			return nil
		}
	case reflect.Struct:
		return decodeStruct(v, path, into)
	case reflect.Map:
		return decodeMap(v, path, into)
	case reflect.Slice, reflect.Array:
		return decodeList(v, path, into)
	default:
		return decodeScalar(v, path, into)
	}
	return fault.Newf(fault.Internal, "decode %s: no configuration fits into a %s", path, into.Type())
}

// decodeByMethod lets types read themselves.
func decodeByMethod(v *value, path string, pointer reflect.Value) (bool, error) {
	if pointer.Type().Implements(jsonUnmarshalerType) {
		data, err := json.Marshal(v.plain())
		if err == nil {
			err = pointer.Interface().(json.Unmarshaler).UnmarshalJSON(data)
		}
		if err != nil {
			return true, fault.At(v.at, "%s: %w", path, err)
		}
		return true, nil
	}
	if text, isText := v.scalar.(string); isText && pointer.Type().Implements(textUnmarshalerType) {
		if err := pointer.Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text)); err != nil {
			return true, fault.At(v.at, "%s: %w", path, err)
		}
		return true, nil
	}
	return false, nil
}

func wrongType(v *value, path, want string) error {
	return fault.At(v.at, "%s must be %s, got %s", path, want, v.typeName())
}

func decodeStruct(v *value, path string, into reflect.Value) error {
	if v.kind != objectKind {
		return wrongType(v, path, "an object")
	}
	for i := range into.NumField() {
		field := into.Type().Field(i)
		tag, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case field.Anonymous && tag == "" && field.Type.Kind() == reflect.Struct:
			if err := decodeStruct(v, path, into.Field(i)); err != nil {
				return err
			}
			continue
		case !field.IsExported() || tag == "-":
			continue
		case tag == "":
			tag = field.Name
		}
		if child := v.fields[tag]; child != nil {
			if err := decode(child, joinKey(path, tag), into.Field(i)); err != nil {
				return err
			}
		}
	}
	return nil
}

func decodeMap(v *value, path string, into reflect.Value) error {
	if v.kind != objectKind {
		return wrongType(v, path, "an object")
	}
	if into.Type().Key().Kind() != reflect.String {
		return fault.Newf(fault.Internal, "decode %s: keys of %s are not text", path, into.Type())
	}
	if into.IsNil() {
		into.Set(reflect.MakeMap(into.Type()))
	}
	for _, key := range v.keys() {
		if v.fields[key].isNull() && into.Type().Elem().Kind() != reflect.Interface {
			continue
		}
		element := reflect.New(into.Type().Elem()).Elem()
		if err := decode(v.fields[key], joinKey(path, key), element); err != nil {
			return err
		}
		into.SetMapIndex(reflect.ValueOf(key).Convert(into.Type().Key()), element)
	}
	return nil
}

// decodeList takes a single text for a list of one, where the items are texts.
func decodeList(v *value, path string, into reflect.Value) error {
	items := v.items
	if _, isText := v.scalar.(string); isText && into.Kind() == reflect.Slice && into.Type().Elem().Kind() == reflect.String {
		items = []*value{v}
	} else if v.kind != listKind {
		return wrongType(v, path, "a list")
	}
	if into.Kind() == reflect.Slice {
		into.Set(reflect.MakeSlice(into.Type(), len(items), len(items)))
	} else if len(items) > into.Len() {
		return fault.At(v.at, "%s must have at most %d items, got %d", path, into.Len(), len(items))
	}
	for i, item := range items {
		if err := decode(item, joinIndex(path, i), into.Index(i)); err != nil {
			return err
		}
	}
	return nil
}

var (
	signed   = []reflect.Kind{reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64}
	unsigned = []reflect.Kind{reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64}
)

func decodeScalar(v *value, path string, into reflect.Value) error {
	switch kind := into.Kind(); {
	case kind == reflect.String:
		text, ok := v.scalar.(string)
		if !ok {
			return wrongType(v, path, "text")
		}
		into.SetString(text)
	case kind == reflect.Bool:
		result, ok := toBool(v.scalar)
		if !ok {
			return wrongType(v, path, "a boolean")
		}
		into.SetBool(result)
	case kind == reflect.Float64 || kind == reflect.Float32:
		number, ok := toNumber(v.scalar)
		if !ok {
			return wrongType(v, path, "a number")
		}
		into.SetFloat(number)
	case slices.Contains(signed, kind), slices.Contains(unsigned, kind):
		return decodeInteger(v, path, into)
	default:
		return fault.Newf(fault.Internal, "decode %s: no configuration fits into a %s", path, into.Type())
	}
	return nil
}

func decodeInteger(v *value, path string, into reflect.Value) error {
	number, ok := toNumber(v.scalar)
	if !ok {
		return wrongType(v, path, "a number")
	}
	if number != math.Trunc(number) || math.Abs(number) > 1<<53 {
		return fault.At(v.at, "%s must be a whole number, got %v", path, number)
	}
	if slices.Contains(signed, into.Kind()) {
		if into.OverflowInt(int64(number)) {
			return fault.At(v.at, "%s is out of range: %v", path, number)
		}
		into.SetInt(int64(number))
		return nil
	}
	if number < 0 || into.OverflowUint(uint64(number)) {
		return fault.At(v.at, "%s is out of range: %v", path, number)
	}
	into.SetUint(uint64(number))
	return nil
}
