package httpapi

import (
	"net/url"
	"strconv"
	"strings"
)

// params are the parameters of a query. Of a single one that is repeated the
// first counts; an empty one is absent.
type params struct {
	in     *input
	values url.Values
}

func (p params) has(key string) bool { return p.values.Get(key) != "" }

func (p params) problem(key, reason string) {
	p.in.note("%s is invalid: %s", key, reason)
}

// text returns a text, or "".
func (p params) text(key string) string {
	s := p.values.Get(key)
	if reason := checkText(s); reason != "" {
		p.problem(key, reason)
		return ""
	}
	return s
}

// id returns an id, which is required.
func (p params) id(key string) int64 {
	if !p.has(key) {
		p.in.note("%s is required", key)
		return 0
	}
	id, reason := parseID(p.values.Get(key))
	if reason != "" {
		p.problem(key, reason)
	}
	return id
}

// integer returns a number, or 0.
func (p params) integer(key string) int {
	if !p.has(key) {
		return 0
	}
	return p.number(key, p.values.Get(key))
}

func (p params) number(key, s string) int {
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil {
		p.problem(key, "it must be a whole number")
	}
	return int(n)
}

// flag returns a boolean, or nil.
func (p params) flag(key string) *bool {
	if !p.has(key) {
		return nil
	}
	b, err := strconv.ParseBool(p.values.Get(key))
	if err != nil {
		p.problem(key, "it must be true or false")
		return nil
	}
	return &b
}

// texts returns all values of the parameters, each of which may be repeated,
// hold several values with commas between, or both.
func (p params) texts(keys ...string) []string {
	var list []string
	for _, key := range keys {
		for _, value := range p.values[key] {
			if reason := checkText(value); reason != "" {
				p.problem(key, reason)
				continue
			}
			for s := range strings.SplitSeq(value, ",") {
				if s = strings.TrimSpace(s); s != "" {
					list = append(list, s)
				}
			}
		}
	}
	return list
}

// numbersOf returns the values of the parameters as numbers; see
// [params.texts].
func numbersOf[T ~int | ~int64](p params, keys ...string) []T {
	var list []T
	for _, key := range keys {
		for _, s := range p.texts(key) {
			list = append(list, T(p.number(key, s)))
		}
	}
	return list
}

// ids returns the values of the parameter as ids; see [params.texts].
func (p params) ids(key string) []int64 {
	var list []int64
	for _, s := range p.texts(key) {
		id, reason := parseID(s)
		if reason != "" {
			p.problem(key, reason)
			continue
		}
		list = append(list, id)
	}
	return list
}
