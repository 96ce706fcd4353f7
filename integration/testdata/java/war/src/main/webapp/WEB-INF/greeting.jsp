<%@ taglib prefix="c" uri="http://java.sun.com/jsp/jstl/core" %><c:out value="${greeting}"/> and a JSP, ${1 + 1} in all.
