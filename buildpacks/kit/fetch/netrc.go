package fetch

import (
	"net/http"
	"strings"
)

// WithNetrc sets logins in the format of .netrc. As in the go command, a login is for one host with its port, it is sent
// over https only, and "default" gives no login.
func WithNetrc(text []byte) Option { return func(c *Client) { c.logins = parseNetrc(string(text)) } }

// Login returns the login that a .netrc has for a host, which is written with its port if its addresses have one.
func Login(text []byte, host string) (user, password string) {
	for _, one := range parseNetrc(string(text)) {
		if one.host == host && one.password != "" {
			return one.user, one.password
		}
	}
	return "", ""
}

// login is a name and a password for a host, written with its port if its addresses have one.
type login struct{ host, user, password string }

type logins []*login

func parseNetrc(text string) logins {
	var list logins
	here := &login{} // until the first machine, and after default, a login is for nobody
	words := strings.Fields(text)
	for i := 0; i+1 < len(words); i++ {
		next := words[i+1]
		switch words[i] {
		case "machine":
			here = &login{host: next}
			list = append(list, here)
		case "login":
			here.user = next
		case "password":
			here.password = next
		case "default":
			here = &login{}
			continue
		default:
			continue
		}
		i++
	}
	return list
}

// authorize sets the login of the host that is asked: the first one with a password, or none.
func (l logins) authorize(req *http.Request) {
	req.Header.Del("Authorization")
	if req.URL.Scheme != "https" || req.URL.User != nil {
		return
	}
	for _, one := range l {
		if one.host == req.URL.Host && one.password != "" {
			req.SetBasicAuth(one.user, one.password)
			return
		}
	}
}
