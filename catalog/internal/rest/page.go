package rest

import (
	"strconv"

	"github.com/stagedoor/stagedoor/catalog/internal/service"
)

// appendPageInfo appends what follows the items of a page.
func appendPageInfo(dst []byte, page service.PageResult) []byte {
	dst = append(dst, `,"totalItems":`...)
	dst = strconv.AppendInt(dst, int64(page.Total), 10)
	dst = append(dst, `,"pageInfo":{`...)
	if page.Next != nil {
		dst = append(dst, `"nextCursor":"`...)
		dst = append(dst, page.Next.Encode()...)
		dst = append(dst, '"')
	}
	if page.Prev != nil {
		if page.Next != nil {
			dst = append(dst, ',')
		}
		dst = append(dst, `"prevCursor":"`...)
		dst = append(dst, page.Prev.Encode()...)
		dst = append(dst, '"')
	}
	return append(dst, '}', '}')
}
